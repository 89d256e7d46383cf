/** A link of a test, ended with it, and what came over it. */
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { createLink, type Link, type LinkInput } from '../../src/link/link.ts'
import type { LongshoreError } from '../../src/protocol/reason.ts'
import { eventually } from './eventually.ts'

const silent = pino({ level: 'silent' })

export type Opened = { readonly link: Link; readonly texts: string[]; readonly failures: LongshoreError[] }

export const openLink = (url: string, input: Partial<LinkInput> = {}): Opened => {
  const [texts, failures]: [string[], LongshoreError[]] = [[], []]
  const link = createLink({
    broker: { url },
    clientId: `link-${process.pid}-${Math.random().toString(36).slice(2)}`,
    clean: true,
    keepaliveS: 30,
    backOff: { baseMs: 10, capMs: 50 },
    random: Math.random,
    log: silent,
    onConnect: async () => undefined,
    onMessage: async (_topic, payload) => {
      texts.push(payload.toString())
    },
    onFailure: (reason) => failures.push(reason),
    ...input,
  })
  onTestFinished(link.stop)
  link.start()
  return { link, texts, failures }
}

export const connected = ({ link }: Opened): Promise<unknown> =>
  eventually('a connection', link.isConnected, { everyMs: 5 })
