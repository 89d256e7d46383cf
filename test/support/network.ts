/** A network namespace with one line to this machine, on which packets can be dropped. Needs root. */
import { execFileSync } from 'node:child_process'
import { onTestFinished } from 'vitest'

export type Network = {
  /** of this machine, as seen from inside */
  readonly host: string
  /** runs what follows inside, as the same process */
  readonly execute: readonly string[]
  readonly drop: () => void
  readonly mend: () => void
}

let counter = 0

/** Gone at the end of the test. */
export const openNetwork = async (): Promise<Network> => {
  counter += 1
  const name = `ls${process.pid % 100_000}-${counter}`
  const subnet = `10.213.${process.pid % 250}.${(counter * 4) % 248}`.split('.')
  const address = (last: number): string => [...subnet.slice(0, 3), Number(subnet[3]) + last].join('.')
  const ip = (...parameters: string[]): void => void execFileSync('ip', parameters, { stdio: 'pipe' })
  const inside = ['ip', 'netns', 'exec', name]
  ip('netns', 'add', name)
  onTestFinished(() => ip('netns', 'del', name))
  ip('link', 'add', `${name}h`, 'type', 'veth', 'peer', 'name', `${name}d`)
  ip('link', 'set', `${name}d`, 'netns', name)
  ip('addr', 'add', `${address(1)}/30`, 'dev', `${name}h`)
  ip('link', 'set', `${name}h`, 'up')
  ip('-n', name, 'addr', 'add', `${address(2)}/30`, 'dev', `${name}d`)
  for (const link of ['lo', `${name}d`]) ip('-n', name, 'link', 'set', link, 'up')
  const rules = (action: '-A' | '-D'): void => {
    for (const chain of ['INPUT', 'OUTPUT'])
      execFileSync('ip', [...inside.slice(1), 'iptables', '-w', action, chain, '-j', 'DROP'], { stdio: 'pipe' })
  }
  let isDropping = false
  return {
    host: address(1),
    execute: inside,
    drop: () => {
      if (!isDropping) rules('-A')
      isDropping = true
    },
    mend: () => {
      if (isDropping) rules('-D')
      isDropping = false
    },
  }
}
