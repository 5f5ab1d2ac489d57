"""Many concurrent callers: each accepted request becomes a report. `make load` runs more of them."""

from __future__ import annotations

from tests.load.post_many import post_many
from tests.support.client import Backlog, Client

POSTS = 100
AT_ONCE = 50


def test_none_of_many_requests_at_once_is_lost(client: Client) -> None:
    client.wait_for_empty_queues()
    ((before,),) = client.sql("SELECT count(*) FROM resma.reports")
    figures = post_many(client, POSTS, AT_ONCE)
    print(figures.summary)
    assert figures.refused == []
    assert len(set(figures.ids)) == POSTS
    assert client.sql("SELECT count(*) FROM resma.reports") == [(before + POSTS,)], "none was created twice"
    assert figures.lost == 0
    assert figures.backlog == Backlog(0, 0)
