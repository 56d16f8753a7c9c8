"""Two machines for the tests, made of namespaces on this one: each has its own network, host name and
mounts, an sshd, and a management and a measuring link to the other. Nothing is left behind: the
namespaces live as long as one holder process each, which is ended by its pid.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
NAMES = ("spark-a", "spark-b")
LINKS = {"mgmt0": "10.99.0", "wire0": "10.99.1"}

HOLDER = """
set -e
hostname {name}
mount --bind {folder}/hosts /etc/hosts
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir /run/sshd
ip link set lo up
echo ready
exec sleep 900
"""

SSHD = """
ListenAddress {address}
HostKey {folder}/{name}.key
AuthorizedKeysFile {folder}/user.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
"""

SSH_CLIENT = """
Host *
  IdentityFile {folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
"""


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def check_permitted():
    """Leaves with 77 and the reason where this machine cannot be split in two."""
    for tool in ("unshare", "nsenter", "ip", "sshd", "ssh", "ssh-keygen", "mount"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            skip(f"{tool} is not installed")
    probe = "mount -t sysfs sysfs /sys && ip link add probe0 type veth peer name probe1"
    done = subprocess.run(["unshare", "-n", "-u", "-m", "sh", "-c", probe], capture_output=True, text=True)
    if done.returncode != 0:
        skip(f"namespaces are not permitted here: {done.stderr.strip()}")


class Machine:
    def __init__(self, name, folder):
        self.name = name
        self.folder = folder
        self.sshd = None
        script = HOLDER.format(name=name, folder=folder)
        self.holder = subprocess.Popen(["unshare", "-n", "-u", "-m", "sh", "-c", script],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{name}: the namespaces could not be set up")

    def inside(self, command):
        return ["nsenter", "-t", str(self.holder.pid), "-n", "-u", "-m", f"--wd={os.getcwd()}", *command]

    def run(self, *command, check=True, **options):
        return subprocess.run(self.inside(command), check=check, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, **options)

    def start(self, *command, **options):
        return subprocess.Popen(self.inside(command), stdin=subprocess.DEVNULL, text=True, **options)

    def write_over(self, path, text):
        """Gives this machine alone another file at path."""
        fake = tempfile.NamedTemporaryFile("w", dir=self.folder, delete=False)
        fake.write(text)
        fake.close()
        os.chmod(fake.name, 0o755)
        self.run("mount", "--bind", fake.name, os.path.realpath(path))

    def uncover(self, path):
        self.run("umount", os.path.realpath(path))

    def start_sshd(self, *more):
        config = f"{self.folder}/{self.name}.sshd"
        with open(config, "w") as file:
            file.write(SSHD.format(address=self.address("mgmt0"), folder=self.folder, name=self.name) + "\n".join(more))
        sshd = shutil.which("sshd", path="/usr/sbin:/sbin:" + os.environ["PATH"])
        with open(f"{config}.log", "w") as log:
            self.sshd = self.start(sshd, "-D", "-e", "-f", config, stderr=log)

    def stop_sshd(self):
        end(self.sshd)
        self.sshd = None

    def address(self, link):
        return f"{LINKS[link]}.{NAMES.index(self.name) + 1}"

    def close(self):
        end(self.sshd)
        end(self.holder)
        self.holder.stdout.close()


def end(process):
    """nsenter and unshare exec their command, so the pid is the command's own."""
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def connect(a, b):
    for link in LINKS:
        a.run("ip", "link", "add", link, "type", "veth", "peer", "name", link, "netns", str(b.holder.pid))
        for machine in (a, b):
            machine.run("ip", "address", "add", machine.address(link) + "/24", "dev", link)
            machine.run("ip", "link", "set", link, "up")


def public_key(folder, name):
    with open(f"{folder}/{name}.key.pub") as file:
        return file.read()


def write_keys(folder):
    for key in ("user", *(f"{name}.key" for name in NAMES)):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}"], check=True)
    with open(f"{folder}/known_hosts", "w") as known:
        for index, name in enumerate(NAMES):
            known.write(f"{name},{LINKS['mgmt0']}.{index + 1} {public_key(folder, name)}")
    with open(f"{folder}/ssh_config", "w") as config:
        config.write(SSH_CLIENT.format(folder=folder))
    with open(f"{folder}/hosts", "w") as hosts:
        hosts.write("127.0.0.1 localhost\n")
        for index, name in enumerate(NAMES):
            hosts.write(f"{LINKS['mgmt0']}.{index + 1} {name}\n")


def wait_for_sshd(a, b, folder):
    command = ["ssh", "-F", f"{folder}/ssh_config", "-o", "BatchMode=yes", b.name, "true"]
    for _ in range(50):
        answer = a.run(*command, check=False)
        if answer.returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"{b.name}: sshd does not answer: {answer.stderr}")


@contextlib.contextmanager
def two_machines():
    """Yields (a, b, ssh): a is where the tests type their commands, ssh is what reaches b from there."""
    check_permitted()
    with tempfile.TemporaryDirectory(prefix="wiretax-machines-") as folder, contextlib.ExitStack() as stack:
        os.chmod(folder, 0o755)
        write_keys(folder)
        machines = []
        for name in NAMES:
            machines.append(Machine(name, folder))
            stack.callback(machines[-1].close)
        a, b = machines
        connect(a, b)
        b.start_sshd()
        wait_for_sshd(a, b, folder)
        yield a, b, f"ssh -F {folder}/ssh_config"
