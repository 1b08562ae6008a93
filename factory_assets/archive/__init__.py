"""The archive: arXiv's metadata on this machine, a Parquet file for each month of first submission."""

from factory_assets.archive.store import Archive

__all__ = ["Archive"]
