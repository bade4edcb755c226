"""A host without Jupyter: the comm that an explorer speaks through, with a page's end to hold."""

from __future__ import annotations

import threading

from comm.base_comm import BaseComm


class RecordingComm(BaseComm):
    """Keeps what the explorer says: (data, buffers), in order."""

    def __init__(self, *args, **kwargs):
        self.said = []
        self.changed = threading.Condition()
        super().__init__(*args, **kwargs)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        with self.changed:
            self.said.append((msg_type, data, buffers or []))
            self.changed.notify_all()

    def hear(self, data):
        """Give the explorer a message of the page."""
        self.handle_msg({"content": {"data": data}, "buffers": []})

    def customs(self):
        """The custom messages so far: (content, buffers)."""
        return [
            (data["content"], buffers)
            for msg_type, data, buffers in list(self.said)
            if msg_type == "comm_msg" and data.get("method") == "custom"
        ]

    def updates(self):
        """The states sent so far that are not echoes of the page's own."""
        return [
            data["state"]
            for msg_type, data, _ in list(self.said)
            if msg_type == "comm_msg" and data.get("method") == "update"
        ]
