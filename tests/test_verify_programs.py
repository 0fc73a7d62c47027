"""Lines of programs: a loop carries a variable, a number picks a column, two names one array."""

import pytest

from symbptt.verify.judge.line import Line
from symbptt.verify.report import verify

MODEL = r"""
$$g_t=\tanh(Ku_t+Mg_{t-1}),\ \hat q_t=\mathrm{softmax}(Rg_t)$$
$$\delta_2^{(3)}=\frac{\partial E_3}{\partial a_2},\ a_2=Ku_2+Mg_1$$
"""
START = "delta_t = R.T.dot(delta_o[t]) * (1 - g[t] ** 2)"
LOOP = "for back in range(max(0, t - depth), t + 1)[::-1]:"
SHARE = "dEdM += np.outer(delta_t, g[back-1])"
TURN = "delta_t = M.T.dot(delta_t) * (1 - g[back-1] ** 2)"


def lines(*program: str) -> list[Line]:
    fences = "\n".join(f"```python\n{x}\n```" for x in program)
    return list(verify(f"{MODEL}\n{fences}\n").lines[4:])


def test_a_variable_carried_by_a_loop_has_the_index_of_the_loop() -> None:
    found = lines(START, LOOP, SHARE, TURN)
    assert [x.verdict for x in found] == ["proved", "conditional", "conditional", "proved"]
    assert "depth jumps back, depth + 1 steps" in found[1].conditions[0].words
    assert [c.code for c in found[2].conditions] == ["M23"]


@pytest.mark.parametrize(
    "line",
    [
        SHARE.replace("g[back-1]", "g[back]"),
        SHARE.replace("dEdM", "dEdK"),
        TURN.replace("M.T", "M"),
        TURN.replace("g[back-1] **", "g[back] **"),
        TURN.replace("1 - ", "1 + "),
    ],
)
def test_a_wrong_line_of_a_loop_is_refuted(line: str) -> None:
    assert lines(START, LOOP, line)[-1].verdict in ("refuted", "unread")
    assert lines(START, LOOP, line, TURN)[2].verdict == "refuted"


def test_a_loop_to_the_first_step_is_no_truncation() -> None:
    found = lines("for back in range(t + 1)[::-1]:", TURN)
    assert found[0].verdict == "definition"


def test_a_column_picked_by_a_number() -> None:
    found = lines(START, LOOP, "dEdK[:, u[back]] += delta_t", TURN)[2]
    assert found.verdict == "conditional"
    assert "one whole number" in found.conditions[0].words
    assert lines(START, LOOP, "dEdR[:, u[back]] += delta_t", TURN)[2].verdict == "refuted"


def test_an_array_that_is_changed_under_two_names() -> None:
    found = lines("delta_o = p; delta_o[np.arange(len(q)), q] -= 1.")
    assert {x.verdict for x in found} == {"conditional"}
    assert {c.code for x in found for c in x.conditions} == {"M22"}
    assert lines("delta_o = p; delta_o[np.arange(len(q)), q] += 1.")[0].verdict == "refuted"


def test_a_share_beside_whole_gradients_is_no_gradient() -> None:
    forward = "hs[t] = tanh(Wxh @ xs[t] + Whh @ hs[t-1] + bh)\n\nys[t] = Why @ hs[t] + by\n\n"
    whole = "dWhy = sum_{t=1}^{T} outer(dy[t], hs[t])\n\n"
    text = f"{forward}loss = sum_{{t=1}}^{{T}} l[t]\n\n{whole}"
    found = verify(f"{text}dby = dy[t]\n", file="x.txt").lines[-1]
    assert (found.verdict, [c.code for c in found.conditions]) == ("conditional", ["M12"])
    assert (
        verify(f"{text}dby = sum_{{t=1}}^{{T}} dy[t]\n", file="x.txt").lines[-1].verdict == "proved"
    )
