"""Where transcripts and the logs of runs are kept beside this machine: a folder that hosts share, or an S3 bucket."""
