"""Tables fit, align and keep what matters; words for amounts and times are short and exact."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauon.cli.render.table import Column, Styled, cut, facts, table, width_of, wrapped
from tauon.cli.render.words import bar, clock, decimals_for, duration, hours, number, percent, sentence, usd
from tests.cli.views import NOON, PIPE, a_screen, at

texts = st.text(max_size=30)


class TestTable:
    COLUMNS = (Column("ID"), Column("NAME", least=6), Column("N", is_right=True, drop=1), Column("X", drop=2))

    @given(st.lists(st.tuples(texts, texts, texts, texts), max_size=4), st.integers(20, 90))
    def test_no_line_is_wider_than_it_may_be_and_none_is_lost(
        self, rows: list[tuple[str, str, str, str]], width: int
    ) -> None:
        shown = table(self.COLUMNS, rows, a_screen(width)).split("\n")
        widest_id = max([2, *(width_of(row[0]) for row in rows)])
        assert len(shown) == len(rows) + 1
        assert all(width_of(line) <= max(width, widest_id + 8) for line in shown)

    def test_in_a_pipe_nothing_is_cut(self) -> None:
        assert "y" * 500 in table(self.COLUMNS, [("1", "y" * 500, "2", "3")], PIPE)

    def test_numbers_stand_right_and_nothing_trails(self) -> None:
        shown = table(self.COLUMNS, [("a", "b", "7", ""), ("c", "d", "1,000", "")], PIPE)
        assert shown.split("\n") == ["ID  NAME      N  X", "a   b         7", "c   d     1,000"]

    def test_wide_characters_are_counted_as_they_show(self) -> None:
        shown = table((Column("A"), Column("B")), [("日本", "x"), ("abcd", "y")], PIPE)
        assert shown.split("\n")[1:] == ["日本  x", "abcd  y"]
        assert cut("日本語", 5, a_screen()) == "日本…"

    def test_an_empty_optional_column_is_left_out(self) -> None:
        columns = (Column("A"), Column("B", is_optional=True))
        assert table(columns, [("1", "")], PIPE) == "A\n1"
        assert table(columns, [], PIPE) == "A"

    def test_style_takes_no_room(self) -> None:
        shown = table((Column("A"), Column("B")), [(Styled("x", "red"), "y")], a_screen(has_colour=True))
        assert shown.split("\n")[1] == "\x1b[31mx\x1b[0m  y"

    def test_extras_go_before_what_matters_is_squeezed(self) -> None:
        columns = (Column("NAME", least=10), Column("EXTRA", drop=4))
        assert table(columns, [("a" * 20, "b" * 20)], a_screen(36)) == "NAME\n" + "a" * 20

    def test_facts_without_a_value_are_left_out(self) -> None:
        assert facts([("A", "1"), ("Long", ""), ("BB", "2")], PIPE) == "A   1\nBB  2"

    def test_paragraphs_break_between_words_and_only_on_a_terminal(self) -> None:
        text = "a-word " * 30
        assert all(len(line) <= 80 for line in wrapped(text, a_screen(80), indent="  ").split("\n"))
        assert "\n" not in wrapped(text, PIPE)


class TestWords:
    @pytest.mark.parametrize(
        ("seconds", "told"),
        [
            (0, "0s"),
            (-5, "0s"),
            (0.0004, "1ms"),
            (0.05, "50ms"),
            (0.42, "0.4s"),
            (3, "3s"),
            (9.97, "10s"),
            (59.6, "1m"),
            (133, "2m 13s"),
            (3600, "1h"),
            (11045, "3h 4m"),
            (86400 * 2 + 3700, "2d 1h"),
            (86400 * 400, "400d"),
        ],
    )
    def test_durations(self, seconds: float, told: str) -> None:
        assert duration(seconds) == told

    @pytest.mark.parametrize(
        ("amount", "told"),
        [("0", "$0.00"), ("1234.5", "$1,234.50"), ("0.0012", "$0.0012"), ("0.000021", "$0.000021"), ("-2", "-$2.00")],
    )
    def test_money_has_the_decimals_it_needs(self, amount: str, told: str) -> None:
        assert usd(Decimal(amount)) == told

    def test_a_column_of_money_has_equal_decimals(self) -> None:
        assert decimals_for([Decimal(12), Decimal("0.002")]) == 4
        assert decimals_for([Decimal(12), Decimal(0)]) == 2

    def test_a_column_of_hours_has_equal_decimals(self) -> None:
        assert hours([12.5, 0.0072, 0]) == ["12.5000", "0.0072", "0"]
        assert hours([1234.5, 0.5]) == ["1,234.50", "0.50"]

    def test_numbers_and_shares(self) -> None:
        assert [number(n) for n in (8, 0.5, 1234.5, 1 / 3)] == ["8", "0.5", "1,234.5", "0.33"]
        assert [percent(p) for p in (0, 0.001, 0.5, 1)] == ["0%", "<1%", "50%", "100%"]

    @pytest.mark.parametrize(
        ("clause", "told"),
        [
            ("it runs", "It runs."),
            ("j1 waits", "j1 waits."),
            ("Really?", "Really?"),
            ("", ""),
            ("n1: lost", "n1: lost."),
        ],
    )
    def test_clauses_become_sentences_and_ids_stay_as_they_are(self, clause: str, told: str) -> None:
        assert sentence(clause) == told

    def test_a_clock_shows_the_day_only_when_it_is_another(self) -> None:
        assert clock(NOON, a_screen()) == "12:00:00"
        assert clock(NOON - timedelta(days=1), a_screen()) == "Dec 31 12:00"
        assert clock(None, a_screen(now=at(0))) == ""

    @given(st.floats(-1, 2), st.integers(1, 30), st.booleans())
    def test_a_bar_stays_in_its_room(self, share: float, width: int, has_unicode: bool) -> None:
        drawn = bar(share, width, a_screen(has_unicode=has_unicode))
        assert len(drawn) <= width
        assert (len(drawn) == 0) or share > 0
