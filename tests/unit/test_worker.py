"""The threads that answer what takes time: one works at a time, short jobs pass long ones."""

from __future__ import annotations

import threading

import torch
from waiting import WAIT_S

from dvi_widget.widget.worker import Worker


def finished(event):
    assert event.wait(WAIT_S)


def test_short_jobs_pass_long_ones_between_two_steps_and_nothing_works_at_once():
    worker, events, at_work = Worker(), [], threading.Lock()
    started, queued, done = threading.Event(), threading.Event(), threading.Event()

    def log(name):
        assert at_work.acquire(blocking=False), "two jobs at once"
        events.append(name)
        at_work.release()

    def long_job():
        log("long, first step")
        started.set()
        finished(queued)
        worker.give_way()
        log("long, second step")

    worker.put_long(long_job)
    finished(started)
    worker.put_long(lambda: (log("long, later"), done.set()))
    for name in ("short, one", "short, two"):
        worker.put_short(lambda name=name: log(name))
    queued.set()
    finished(done)
    assert events == ["long, first step", "short, one", "short, two", "long, second step", "long, later"]


def test_a_short_job_does_not_run_in_the_modes_of_the_long_one_it_passes():
    worker, modes = Worker(), []
    started, queued, done = threading.Event(), threading.Event(), threading.Event()

    def long_job():
        with torch.no_grad():
            started.set()
            finished(queued)
            worker.give_way()
            modes.append(torch.is_grad_enabled())
        done.set()

    worker.put_long(long_job)
    finished(started)
    worker.put_short(lambda: modes.append(torch.is_grad_enabled()))
    queued.set()
    finished(done)
    assert modes == [True, False]


def test_without_short_jobs_a_long_one_goes_on():
    worker, done = Worker(), threading.Event()
    worker.put_long(lambda: (worker.give_way(), done.set()))
    finished(done)


def test_where_no_thread_can_be_started_jobs_run_at_once(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    worker, events = Worker(), []
    worker.put_long(lambda: (worker.give_way(), events.append("long")))
    worker.put_short(lambda: events.append("short"))
    assert events == ["long", "short"]
