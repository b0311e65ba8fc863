"""Plots: well-formed SVG whose points lie where their values say; nothing from the data is markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from holdfast.webpage.plots import LEFT, RIGHT, WIDTH, Axis, Line, Span, lines, spans

SVG = "{http://www.w3.org/2000/svg}"


def test_lines_run_from_edge_to_edge() -> None:
    """The first point stands at the left edge, the last at the right; values beyond an axis at its edge."""
    axis = Axis("", 10.0, ((0.0, "0"), (10.0, "ten")))
    root = ET.fromstring(lines("a <b>", [Line("<one>", [(0.0, 0.0), (10.0, 99.0)])], x=axis, y=axis))
    line = root.find(f"{SVG}polyline")
    assert line is not None
    first, last = (tuple(map(float, p.split(","))) for p in line.attrib["points"].split())
    assert first[0] == LEFT
    assert last[0] == WIDTH - RIGHT
    assert last[1] < first[1]
    assert root.findtext(f"{SVG}title") == "a <b>"


def test_spans_stand_under_each_other() -> None:
    """One bar a row, as long as it lasts."""
    axis = Axis("", 100.0, ())
    root = ET.fromstring(spans("day", [Span("x", 0, 50), Span("y", 50, 100, bad=False)], x=axis))
    bars = [r for r in root.findall(f"{SVG}rect") if "rx" in r.attrib]
    assert len(bars) == 2
    assert float(bars[0].attrib["width"]) == float(bars[1].attrib["width"])
    assert float(bars[0].attrib["y"]) < float(bars[1].attrib["y"])
