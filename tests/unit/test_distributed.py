"""Two processes that train one network together: a Recorder in each makes one run, as of a single process."""

import numpy as np
import pytest
import torch
from recorded import network, recorder, samples, train
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

import dvi_widget as dvi

EPOCHS = 3


def trained_together(rank, folder):
    """What each process does, as a script under torchrun."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        model = DistributedDataParallel(network())
        trained_and_recorded(folder / "together", model)
        torch.save(model.module.state_dict(), folder / f"{rank}.pt")
    finally:
        distributed.destroy_process_group()


def trained_and_recorded(folder, model):
    (x, y), *_ = samples()
    recording = recorder(folder, model)
    for epoch in range(EPOCHS):
        # Equal batches in all processes: their mean gradient is that of one.
        train(model, x, y, seed=epoch)
        recording.capture(epoch)


def trained_alone(_, folder):
    torch.set_num_threads(1)
    trained_and_recorded(folder / "alone", network())


@pytest.mark.feature("F15")
def test_processes_that_train_together_record_once_what_one_records_alone(tmp_path):
    torch.multiprocessing.spawn(trained_together, (tmp_path,), nprocs=2)
    torch.multiprocessing.spawn(trained_alone, (tmp_path,), nprocs=1)
    together, alone = dvi.Run(tmp_path / "together"), dvi.Run(tmp_path / "alone")
    assert together.epochs == alone.epochs == list(range(EPOCHS))
    for epoch in together.epochs:
        assert together.digest(epoch) == alone.digest(epoch)
    np.testing.assert_array_equal(together.inputs("all"), alone.inputs("all"))
    together.verify()
    # Recording in one of them alone left them together.
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
