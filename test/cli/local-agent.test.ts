import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readAgentStatus } from '../../src/cli/local-agent.ts'

test('an agent that hangs is one that does not answer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-socket-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const socketPath = join(folder, 'status.sock')
  const server = createServer((socket) => void socket.on('error', () => undefined).resume())
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  onTestFinished(() => void server.close())
  await expect(readAgentStatus(socketPath, 50)).rejects.toMatchObject({
    code: 'agent-unreachable',
    message: `${socketPath}: the agent does not answer`,
  })
})
