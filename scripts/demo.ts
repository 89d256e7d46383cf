/** `npm run demo`: Longshore from nothing to a running app, with the commands that an operator would type. */
import { parseArgs } from 'node:util'
import { LongshoreError } from '../src/protocol/reason.ts'
import { giveTour } from './demo/tour.ts'

const { values } = parseArgs({ options: { 'no-install': { type: 'boolean', default: false } } })

const abort = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort())

try {
  await giveTour({
    install: !values['no-install'],
    stay: process.stdout.isTTY === true && process.env.CI === undefined,
    signal: abort.signal,
  })
} catch (error) {
  const isStopped = abort.signal.aborted
  if (isStopped) process.stdout.write('stopped\n')
  else if (error instanceof LongshoreError) process.stderr.write(`demo: ${error.message} [${error.code}]\n`)
  else process.stderr.write(`demo: ${(error as Error).stack}\n`)
  process.exitCode = isStopped ? 0 : 1
}
