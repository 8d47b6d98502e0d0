"""The report in a real browser: nothing is loaded, nothing overflows, and every chart shows something."""

import base64
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from services.standalone.history import opened
from services.standalone.report.write import write_report
from services.standalone.words.text import Language
from tests.unit.standalone.trading_day import TradingDay, write_run

DRAWN_S_MAX = 30.0
WIDTHS = {"desktop": 1280, "phone": 390}
LANGUAGES: tuple[Language, ...] = ("en", "es")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
EMPTY_LINES = re.compile(r'"(t|v|lo|hi|orders|fills|shades)":\[[^\[\]]*\]')

INK = """async ({png, paper}) => {
    const image = new Image();
    image.src = 'data:image/png;base64,' + png;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = image.width; canvas.height = image.height;
    const ink = canvas.getContext('2d');
    ink.drawImage(image, 0, 0);
    const data = ink.getImageData(0, 0, canvas.width, canvas.height).data;
    let marked = 0;
    for (let at = 0; at < data.length; at += 4) {
        const far = Math.max(...[0, 1, 2].map((part) => Math.abs(data[at + part] - paper[part])));
        if (far > 60) marked += 1;
    }
    return marked / (data.length / 4);
}"""
"""The share of a picture's pixels that are far from the paper's colour."""

OVERLAPS = """() => {
    const boxes = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const node = walker.currentNode, holder = node.parentElement;
        if (!node.data.trim() || holder.closest('script, style, noscript, .rows, .tools')) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const box = range.getBoundingClientRect(), frame = holder.getBoundingClientRect();
        boxes.push({ text: node.data.trim(), box, outside: box.right > frame.right + 1 });
    }
    const found = boxes.filter((each) => each.outside).map((each) => each.text + ' leaves its box');
    boxes.forEach((one, at) => boxes.slice(at + 1).forEach((other) => {
        const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
        const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
        if (wide > 1 && high > 4) found.push(one.text + ' lies on ' + other.text);
    }));
    return found;
}"""

WIDER = """() => [...document.querySelectorAll('body *')]
    .filter((each) => !each.closest('.rows table, script, style'))
    .filter((each) => each.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
    .map((each) => each.tagName + '.' + each.className)"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the report of one day in each language, and one whose charts hold nothing."""
    folder = tmp_path_factory.mktemp("day") / "run"
    kept = write_run(folder, TradingDay(seconds=1_800).make())
    with opened(kept) as bus:
        for language in LANGUAGES:
            write_report(bus, kept.read(), language, folder / f"{language}.html")
    whole = (folder / "en.html").read_text(encoding="utf-8")
    blank, count = EMPTY_LINES.subn(r'"\1":[]', _without_marks(whole))
    assert count > 20
    (folder / "blank.html").write_text(blank, encoding="utf-8")
    return folder


def _without_marks(text: str) -> str:
    # marks are objects, without a list in them once the dashes are gone
    return re.sub(
        r'"(orders|fills|shades)":\[\{.*?\}\]', r'"\1":[]', re.sub(r',"dash":\[[\d,]*\]', "", text)
    )


@pytest.fixture(scope="module")
def browser(reports: Path) -> Iterator[Browser]:
    """Chromium, after the reports were written: its driver keeps an event loop of its own running."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip(f"no {', '.join(names)} on the PATH: install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield launched
        launched.close()


def shown(browser: Browser, file: Path, width: int, **looks: Any) -> tuple[Page, list[str]]:
    """A page that shows the file, and a list of what went wrong or was asked of a network."""
    page = browser.new_page(viewport={"width": width, "height": 900}, **looks)
    said: list[str] = []
    page.on("console", lambda message: said.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on(
        "request",
        lambda request: said.append(request.url) if request.url != file.as_uri() else None,
    )
    page.goto(file.as_uri())
    # not wait_for_function: to ask again it calls eval() in the page, which the page's policy forbids
    until_s = time.monotonic() + DRAWN_S_MAX
    while not page.evaluate("document.querySelector('canvas').width > 300"):
        assert time.monotonic() < until_s, "nothing was drawn"
        page.wait_for_timeout(20)
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    return page, said


@pytest.fixture(scope="module")
def judge(browser: Browser) -> Iterator[Page]:
    """An empty page that measures pictures: browsers read PNG, Python's library doesn't."""
    page = browser.new_page()
    yield page
    page.close()


def ink(judge: Page, page: Page, chart: int) -> float:
    """The share of a chart's pixels that something is drawn on, as it is seen on the screen."""
    paper = page.evaluate("getComputedStyle(document.querySelector('.chart')).backgroundColor")
    png = base64.b64encode(page.locator("canvas").nth(chart).screenshot()).decode()
    colour = [int(part) for part in re.findall(r"\d+", paper)]
    share: float = judge.evaluate(INK, {"png": png, "paper": colour})
    return share


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_page_fits_its_width_and_asks_nothing_of_any_network(
    browser: Browser, reports: Path, tmp_path: Path, language: Language, width: int
) -> None:
    page, said = shown(browser, reports / f"{language}.html", width)
    page.screenshot(path=tmp_path / f"{language}-{width}.png", full_page=True)
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(WIDER) == []
    assert page.evaluate(OVERLAPS) == []
    sizes = "[...document.querySelectorAll('body *')].map((e) => parseFloat(getComputedStyle(e).fontSize))"
    assert min(page.evaluate(sizes)) >= 14
    rows = page.locator(".rows").first
    assert rows.evaluate("(box) => box.scrollHeight > box.clientHeight")
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_chart_shows_more_than_its_axes(
    browser: Browser, judge: Page, reports: Path, width: int, scheme: str
) -> None:
    full, _ = shown(browser, reports / "en.html", width, color_scheme=scheme)
    blank, said = shown(browser, reports / "blank.html", width, color_scheme=scheme)
    assert said == []
    charts = full.locator("canvas")
    assert (
        charts.count() == 9
    )  # price, signal and imbalance of two instruments, and the portfolio's
    for at in range(charts.count()):
        marked, empty = ink(judge, full, at), ink(judge, blank, at)
        name = charts.nth(at).get_attribute("id")
        told = f"{name}: {marked:.4f} of its pixels, {empty:.4f} without its lines"
        assert marked > empty + 0.004, told
    bars = full.locator(".reasons .track span")
    assert bars.count() == 9  # reasons of risk, execution and the venue
    widths = bars.evaluate_all("(bars) => bars.map((bar) => bar.getBoundingClientRect().width)")
    assert min(widths) >= 2
    full.close()
    blank.close()


def test_span_is_chosen_by_dragging_by_buttons_and_by_keys(browser: Browser, reports: Path) -> None:
    page, said = shown(browser, reports / "en.html", WIDTHS["desktop"])
    chart = page.locator("#price-0")
    chart.scroll_into_view_if_needed()
    whole = chart.screenshot()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 100, steps=3)
    page.mouse.up()
    page.mouse.move(0, 0)
    page.wait_for_timeout(100)
    dragged = chart.screenshot()
    page.locator("button[data-act='+']").click()
    page.wait_for_timeout(100)
    zoomed = chart.screenshot()
    chart.press("ArrowRight")
    page.wait_for_timeout(100)
    shifted = chart.screenshot()
    chart.press("Escape")
    chart.evaluate("(canvas) => canvas.blur()")
    page.wait_for_timeout(100)
    assert len({whole, dragged, zoomed, shifted}) == 4
    assert chart.screenshot() == whole
    assert said == []
    page.close()


def test_pointing_reads_every_chart_at_that_moment(browser: Browser, reports: Path) -> None:
    page, said = shown(browser, reports / "es.html", WIDTHS["phone"], has_touch=True)
    chart = page.locator("#price-0")
    chart.tap(position={"x": 100, "y": 60})
    page.wait_for_timeout(100)
    readouts = page.locator(".readout").all_text_contents()
    assert len(readouts) == 9
    moments = {text.partition(" · ")[0] for text in readouts}
    assert len(moments) == 1
    assert re.fullmatch(r"00:\d\d:\d\d", moments.pop())
    assert re.search(r"Precio \d\d\.\d{3},\d\d", readouts[0])
    assert said == []
    page.close()
