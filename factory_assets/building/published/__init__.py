"""What is published with a repo as it stands here."""
