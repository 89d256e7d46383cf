/** The embedded broker as a process of its own, which can be killed and started again on its port with its folder. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { eventually } from './eventually.ts'
import { accepts, findFreePort } from './mosquitto.ts'

export type KillableBroker = {
  readonly url: string
  readonly pid: () => number | undefined
  /** What it said, a line each. */
  readonly lines: readonly string[]
  readonly start: () => Promise<void>
  readonly kill: (signal?: NodeJS.Signals) => Promise<void>
}

/** @param command the built command */
export const createKillableBroker = async (command: string, flags: readonly string[]): Promise<KillableBroker> => {
  const port = await findFreePort()
  const lines: string[] = []
  let child: ChildProcess | undefined
  return {
    url: `mqtt://127.0.0.1:${port}`,
    pid: () => child?.pid,
    lines,
    start: async () => {
      child = spawn(process.execPath, [command, 'broker', '--port', String(port), ...flags], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      child.stdout?.on('data', (chunk: Buffer) => lines.push(...chunk.toString().split('\n').filter(Boolean)))
      await eventually('the broker to listen', () => accepts(port), { everyMs: 10 })
    },
    kill: async (signal = 'SIGKILL') => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    },
  }
}
