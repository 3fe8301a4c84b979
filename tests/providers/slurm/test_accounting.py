"""What Slurm itself has forgotten is found in its accounts, where slurmdbd keeps them, or in its completion log."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tauon.ports.providers import Ending
from tests.providers.contract import FOREVER
from tests.providers.slurm.cluster import Cluster, free_ports, missing
from tests.providers.slurm.world import SlurmWorld

pytestmark = pytest.mark.anyio
_DBD = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
DbdHost=localhost
DbdPort={port}
SlurmUser={user}
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser={user}
StorageLoc=accounts
"""
_SBIN = "/usr/sbin:/usr/bin:/sbin:/bin"


class Accounted(Cluster):
    """A Slurm with slurmdbd on a MariaDB of its own, which forgets a job 2 seconds after its end."""

    def begin_accounting(self) -> None:
        user = pwd.getpwuid(os.geteuid()).pw_name
        data, socket_path = self.folder / "db", self.folder / "db.sock"
        shared = ["--no-defaults", f"--datadir={data}"]
        made = self.command("mariadb-install-db", *shared, f"--user={user}", "--auth-root-authentication-method=socket")
        assert (data / "mysql").is_dir(), made
        sizes = ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--skip-networking", f"--user={user}"]
        self.spawn(["mariadbd", *shared, *sizes, f"--socket={socket_path}", f"--pid-file={self.folder}/db.pid"])
        self.wait(socket_path.exists)
        [port] = free_ports(1)
        conf = self.folder / "slurmdbd.conf"
        conf.write_text(_DBD.format(folder=self.folder, port=port, user=user), encoding="ascii")
        conf.chmod(0o600)
        self.environment["MYSQL_UNIX_PORT"] = str(socket_path)
        self.accounting = (
            "AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=localhost\n"
            f"AccountingStoragePort={port}\nAccountingStoragePass={self.folder}/munge.sock\nAccountingStorageTRES=gres/gpu"
        )
        self.write()
        self.spawn(["slurmdbd", "-D"])
        self.wait(lambda: "test" in self.command("sacctmgr", "-n", "-i", "add", "cluster", "test"))


@pytest.fixture
def accounted(tmp_path: Path) -> Iterator[Cluster]:
    absent = [name for name in ("slurmdbd", "mariadbd") if shutil.which(name, path=_SBIN) is None]
    if absent or missing():
        pytest.skip(
            missing() or f"no {' and no '.join(absent)} here; on Debian: apt-get install slurmdbd mariadb-server"
        )
    one = Accounted(tmp_path / "slurm", nodes=1, forget_s=2)
    try:
        one.start()
        yield one
    finally:
        one.close()


async def test_a_job_that_slurm_has_forgotten_is_found_in_its_accounts(accounted: Cluster, tmp_path: Path) -> None:
    world = SlurmWorld(tmp_path, accounted, completion_log="")
    provider = await world.open()
    attempt = await world.started(provider, world.order(FOREVER))
    await world.says(provider, attempt, "ready")
    await world.abandon(provider)
    job = accounted.command("squeue", "-h", "-o", "%A", "-n", attempt).strip()
    accounted.command("scancel", "--signal=KILL", "--full", job)  # its supervisor can't say a word
    accounted.wait(lambda: accounted.command("squeue", "-h", "-t", "all", "-n", attempt).strip() == "")
    accounted.wait(lambda: "CANCELLED" in accounted.command("sacct", "-n", "-X", "-j", job, "-o", "State"))
    provider = await world.open()
    seen = await world.ended(provider, attempt)
    assert seen.ending is Ending.LOST
    assert f"job {job} was cancelled there by" in seen.message
    await world.finish()
