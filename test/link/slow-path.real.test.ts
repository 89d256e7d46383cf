/** A name with several addresses, of which the one that leads anywhere takes as long as a satellite does. */
import { spawn } from 'node:child_process'
import dns from 'node:dns'
import { once } from 'node:events'
import { connect } from 'node:net'
import { onTestFinished, test, vi } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { connected, openLink } from '../support/open-link.ts'

const peer = `
  const server = require('node:net').createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.write(Buffer.from([0x20, 2, 0, 0])))
  })
  server.listen({ port: 0, host: '127.0.0.2', backlog: 1 }, () => console.log(server.address().port))
`

/** While it is stopped and its backlog full, the kernel drops whoever knocks; who knocks again a second later comes in. */
const startSlowPeer = async () => {
  const child = spawn(process.execPath, ['-e', peer], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const port = Number((await once(child.stdout, 'data')).toString())
  child.kill('SIGSTOP')
  const knocks = Array.from({ length: 4 }, () => connect(port, '127.0.0.2').on('error', () => undefined))
  onTestFinished(() => {
    for (const socket of knocks) socket.destroy()
  })
  await eventually('a full backlog', () => knocks.filter(({ connecting }) => !connecting).length >= 2)
  return { port, answer: () => void child.kill('SIGCONT') }
}

test('it is waited for', async () => {
  const slow = await startSlowPeer()
  vi.spyOn(dns, 'lookup').mockImplementation(((_host: string, _options: object, done: (...found: unknown[]) => void) =>
    done(null, [
      { address: '127.0.0.2', family: 4 },
      { address: '127.0.0.3', family: 4 }, // nobody there
    ])) as never)
  onTestFinished(() => void vi.restoreAllMocks())
  // One attempt, or the next one would find the way open.
  const opened = openLink(`mqtt://broker.test:${slow.port}`, {
    backOff: { baseMs: 60_000, capMs: 60_000 },
    random: () => 1,
  })
  const timer = setTimeout(slow.answer, 600)
  onTestFinished(() => clearTimeout(timer))
  await connected(opened)
})
