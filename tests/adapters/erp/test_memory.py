"""A large file needs no more memory than a small one (case F15)."""

from __future__ import annotations

import tracemalloc

import pytest

from adapters.erp.reading import FileReading


@pytest.mark.slow
def test_sixty_thousand_records_stay_in_bounded_memory(make, shpcnf, tmp_path):
    path = tmp_path / "SHPCNF.S000500"
    path.write_bytes(make.build([make.Ship(f"SH{n}", lines=[make.Line(), make.Line()]) for n in range(1, 16_001)]))
    assert path.stat().st_size > 8_500_000
    reading = FileReading(path, shpcnf)
    groups = peak = 0
    for number, block in enumerate(reading):
        assert len(block) <= 500
        groups += len(block)
        reading.findings()
        if number == 20:  # measured over a stretch in the middle: tracing is slow
            tracemalloc.start()
        if number == 30:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert groups == 16_000
    assert reading.summary.totals["records"] == "64002"
    # 20,000 records are 2.8 MB of file. A block, a chunk and the keys of the unique check; the groups are not kept.
    assert 0 < peak < 8_000_000
