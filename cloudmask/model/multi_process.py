"""The training loop for several processes, where Keras 3's `fit` fails (decision record 7 of the documentation)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from cloudmask.model.train_step import TrainingModel

Step = Callable[[Any], dict[str, float]]


def fit(
    model: TrainingModel,
    training: Any,
    epochs: int,
    callbacks: Sequence[keras.callbacks.Callback],
    validation_data: Any,
    initial_epoch: int,
    steps_per_epoch: int,
    validation_steps: int,
) -> None:
    """Train like `keras.Model.fit`, but in several processes, with the same parameters and callbacks.

    Parameters
    ----------
    model : TrainingModel
        Built in the scope of a `tf.distribute.MultiWorkerMirroredStrategy`.
    training, validation_data : tf.distribute.DistributedDataset
        Infinite sequences of batches.
    """
    callback_list = keras.callbacks.CallbackList(list(callbacks), model=model)
    train, evaluate = _compiled(model, model.train_step), _compiled(model, model.test_step)
    batches, val_batches = iter(training), iter(validation_data)
    model.stop_training = False
    callback_list.on_train_begin()
    for epoch in range(initial_epoch, epochs):
        model.reset_metrics()
        callback_list.on_epoch_begin(epoch)
        logs = {}
        for step in range(steps_per_epoch):
            logs = train(next(batches))
            callback_list.on_train_batch_end(step, logs)
        model.reset_metrics()
        callback_list.on_test_begin()
        val_logs = {}
        for step in range(validation_steps):
            val_logs = evaluate(next(val_batches))
            callback_list.on_test_batch_end(step, val_logs)
        callback_list.on_test_end(val_logs)
        callback_list.on_epoch_end(epoch, logs | {f"val_{name}": value for name, value in val_logs.items()})
        if model.stop_training:
            break
    callback_list.on_train_end()


def _compiled(model: TrainingModel, step: Callable[[Any], Any]) -> Step:
    """Return a function that runs a step on all devices and returns the metrics."""
    strategy = model.distribute_strategy
    on_devices = tf.function(lambda batch: strategy.run(step, args=(batch,)), reduce_retracing=True)

    def run(batch: Any) -> dict[str, float]:
        metrics = on_devices(batch)
        return {name: float(strategy.experimental_local_results(value)[0]) for name, value in metrics.items()}

    return run
