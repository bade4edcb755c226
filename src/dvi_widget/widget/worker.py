"""Threads for requests that take time: one works at a time, and short jobs pass long ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Queue

Job = Callable[[], None]


class Worker:
    """Runs short jobs and long jobs, each kind in the order it came, one job at a time.

    One at a time, because engines serve one caller: a network that is lent twice comes back in the wrong
    mode. Each kind has a thread of its own, because modes of torch belong to a thread: a short job that
    passes a long one must not run in its modes. The threads are daemons, started when they are first needed.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()  # held by the thread that works
        self._short: Queue[Job] = Queue()
        self._long: Queue[Job] = Queue()
        self._threads: dict[str, threading.Thread] = {}
        self._starting = threading.Lock()

    def put_short(self, job: Job) -> None:
        """Queue a job that takes a moment."""
        self._put(self._short, self._run_short, job)

    def put_long(self, job: Job) -> None:
        """Queue a job that takes longer, and calls `give_way` between its steps."""
        self._put(self._long, self._run_long, job)

    def give_way(self) -> None:
        """Let the queued short jobs run before the long job that calls this goes on."""
        self._turn.wait_for(lambda: not self._short.unfinished_tasks)

    def _put(self, queue: Queue[Job], run: Callable[[], None], job: Job) -> None:
        queue.put(job)
        with self._starting:
            thread = self._threads.get(run.__name__)
            if thread is None or not thread.is_alive():  # a forked process has no threads
                thread = threading.Thread(target=run, name=f"dvi_widget{run.__name__}", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # Python in a browser has no threads: the page waits for the answer
                    self._run_here(queue)
                    return
                self._threads[run.__name__] = thread

    def _run_here(self, queue: Queue[Job]) -> None:
        """Run the job that was queued just now on the thread that queued it."""
        job = queue.get()
        try:
            with self._turn:
                job()
        finally:
            queue.task_done()

    def _run_short(self) -> None:
        while True:
            job = self._short.get()
            with self._turn:
                try:
                    job()
                finally:
                    self._short.task_done()
                    self._turn.notify_all()

    def _run_long(self) -> None:
        while True:
            job = self._long.get()
            with self._turn:
                self.give_way()
                job()
