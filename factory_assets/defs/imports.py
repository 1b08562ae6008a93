"""The sensor that takes specs from the operator's folder.

A sensor, because files come at any time; it does the import itself, because that is one short transaction and a run
would cost seconds. Its default is on: an import spends nothing.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from factory_assets.defs.externals import SPECS
from factory_assets.defs.markdown import code_block
from factory_assets.defs.stages import InstanceParts
from factory_assets.defs.ticks import is_tick
from factory_assets.domain.clock import Clock
from factory_assets.domain.errors import FactoryError
from factory_assets.intake.folder import FileReport


def build_import_sensor() -> dg.SensorDefinition:
    """The sensor `imported_specs`."""

    @dg.sensor(
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Takes JSON files with specs from FACTORY_SPECS_DIR: each is queued at a late rank of today and moved to"
            " done/, or moved to rejected/ with the reasons beside it. `factory import` does the same."
        ),
    )
    def imported_specs(
        context: dg.SensorEvaluationContext,
        instance: dg.ResourceParam[InstanceParts],
        clock: dg.ResourceParam[Clock],
    ) -> dg.SensorResult:
        try:
            if not is_tick(context):
                lines = instance.intake.preview_folder(clock.now())
                return dg.SensorResult(skip_reason="; ".join(lines) or "No new file.")
            reports = instance.intake.import_folder(clock.now())
        except FactoryError as error:
            # The tick says what is wrong; the files are still there and are taken once it is fixed.
            return dg.SensorResult(skip_reason=str(error))
        if not reports:
            return dg.SensorResult(skip_reason="No new file.")
        return dg.SensorResult(
            skip_reason="; ".join(report.line for report in reports),
            asset_events=list(_observations([report for report in reports if report.is_news])),
        )

    return imported_specs


def _observations(reports: Sequence[FileReport]) -> Iterator[dg.AssetObservation]:
    for report in reports:
        yield dg.AssetObservation(
            asset_key=SPECS,
            description=report.line,
            metadata={
                "file": dg.MetadataValue.text(report.path.name),
                "kept beside the specs": dg.MetadataValue.text(", ".join(report.further) or "nothing"),
                "queued": dg.MetadataValue.text(", ".join(report.queued) or "none"),
                "reasons": dg.MetadataValue.md(code_block("\n".join(report.reasons) or "none")),
            },
        )
