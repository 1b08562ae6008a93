"""Where transcripts and the logs of runs are kept beside this machine."""

from __future__ import annotations

from pydantic import BaseModel, Field

from factory_assets.settings.kinds import Credential, LogStore, WebAddress


class KeepingSettings(BaseModel):
    """Transcripts and logs beside this machine."""

    factory_log_store: LogStore | None = Field(
        None,
        description=(
            "Where transcripts and the logs of runs are copied to after each build: a folder that hosts share, or"
            " s3://bucket/prefix (`pip install 'software-factory[s3]'`). They stay in FACTORY_DATA_DIR until they are"
            " there; nowhere else by default."
        ),
    )
    aws_endpoint_url: WebAddress | None = Field(
        None, description="Address of an S3-compatible store other than Amazon's."
    )
    aws_region: str | None = Field(None, description="Region of the bucket; us-east-1 by default.")
    aws_access_key_id: Credential | None = Field(
        None, description="Key for the bucket; what the machine's own role may by default."
    )
    aws_secret_access_key: Credential | None = Field(None, description="Its secret.")

    @property
    def bucket_options(self) -> dict[str, str]:
        """What is set of the bucket's store, by obstore's names."""
        key, secret = self.aws_access_key_id, self.aws_secret_access_key
        named = {
            "endpoint": self.aws_endpoint_url,
            "region": self.aws_region,
            "access_key_id": key.get_secret_value() if key else None,
            "secret_access_key": secret.get_secret_value() if secret else None,
        }
        return {name: value for name, value in named.items() if value is not None}
