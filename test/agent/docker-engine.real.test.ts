import { createServer } from 'node:net'
import { PassThrough } from 'node:stream'
import { inject, onTestFinished } from 'vitest'
import { dockerEngine } from '../../agent/engine/docker.ts'
import { docker, newDeviceId, removeEverythingOf } from '../support/agents.ts'
import { describeEngine } from './engine-contract.ts'

/** Runs a command in a container and waits for its end. */
const execute = async (id: string, command: string[]): Promise<void> => {
  const exec = await docker().getContainer(id).exec({ Cmd: command, AttachStdout: true, AttachStderr: true })
  const stream = await exec.start({})
  stream.pipe(new PassThrough().resume())
  await new Promise((resolve) => stream.once('end', resolve).once('close', resolve))
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

/** What these tests made without the labels of their agent, by the label `test`. */
const removeUnowned = async (agent: string): Promise<void> => {
  const filters = { label: [`test=${agent}`] }
  for (const { Id } of await docker().listContainers({ all: true, filters }))
    await docker().getContainer(Id).remove({ force: true, v: true })
}

describeEngine('Docker', async () => {
  const agent = newDeviceId()
  onTestFinished(async () => {
    await removeUnowned(agent)
    await removeEverythingOf(agent)
  }, 60_000)
  return {
    engine: dockerEngine(`unix://${inject('socketPath')}`),
    unreachable: dockerEngine('unix:///nonexistent/engine.sock'),
    agent,
    image: 'longshore/example:1',
    freePort: await freePort(),
    exit: (id, exitCode) => execute(id, ['sh', '-c', `echo ${exitCode} > /exit`]),
    pass: (id) => execute(id, ['sh', '-c', ': > /healthy']),
  }
})
