"""Publishing shipped repos: to GitHub or into a local folder, paced, never forced, never deleting."""
