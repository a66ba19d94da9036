"""Tell fairmesh how far a program is: copy this file beside your own; it needs the standard library alone.

>>> report(37, "epoch 3 of 8")
# fairmesh status=running progress=37 msg="epoch 3 of 8"
"""


def report(progress: float, message: str = "") -> None:
    """Print how far the work is, in percent, and what is being done; call it from one process, as often as you like."""
    percent = min(100, max(0, int(progress)))
    words = " ".join(message.replace('"', "'").split())
    print(f'# fairmesh status=running progress={percent} msg="{words}"', flush=True)
