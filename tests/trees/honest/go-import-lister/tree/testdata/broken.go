package broken

import (
