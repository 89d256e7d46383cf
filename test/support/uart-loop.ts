/** The first UART of this machine with its output connected to its input, as its own test mode does it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { onTestFinished } from 'vitest'

/**
 * Held until the end of the test, since the mode ends when nobody has the port open. One at a time: other runs of the tests on
 * this machine wait for their turn.
 *
 * @returns undefined where there is no UART, or one that does not hear itself: that of a virtual machine may lose its interrupt
 */
export const openLoop = async (): Promise<true | undefined> => {
  if (!existsSync('/dev/ttyS0')) return undefined
  // TIOCMSET with TIOCM_LOOP, TIOCM_DTR and TIOCM_RTS; Node.js has no ioctl, and Perl is part of every Debian.
  const script = `
    open(my $turn, ">", "/dev/shm/longshore-uart-loop") or exit 1;
    flock($turn, 2) or exit 1;
    open(my $port, "+<", "/dev/ttyS0") or exit 1;
    my $wanted = pack("I", 0x8006);
    ioctl($port, 0x5418, $wanted) or exit 1;
    my $lines = pack("I", 0);
    ioctl($port, 0x5415, $lines) or exit 1;
    exit 1 unless unpack("I", $lines) & 0x8000;
    system("stty raw -echo clocal < /dev/ttyS0") == 0 or exit 1;
    syswrite($port, "loop\\n");
    my ($heard, $ready) = ("", "");
    while (length $heard < 5) {
      vec($ready, fileno($port), 1) = 1;
      exit 1 unless select($ready, undef, undef, 2);
      sysread($port, $heard, 5, length $heard) or exit 1;
    }
    $| = 1; print "held\\n"; sleep 600;`
  const child = spawn('perl', ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const held = once(child.stdout, 'data').then(() => true as const)
  return Promise.race([held, exited.then(() => undefined)])
}
