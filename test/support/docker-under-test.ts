/** An engine of the Docker API as the contract suite needs it: what the interface does not tell is asked with dockerode. */
import { createServer } from 'node:net'
import { PassThrough } from 'node:stream'
import type Docker from 'dockerode'
import { onTestFinished } from 'vitest'
import { dockerEngine } from '../../agent/engine/docker.ts'
import type { Engine } from '../../agent/engine/engine.ts'
import type { EngineUnderTest } from '../agent/engine-contract.ts'
import { newDeviceId, removeEverythingOf } from './agents.ts'

/** For one test; what it makes is gone at its end. */
export const dockerUnderTest = async (docker: Docker, engine: Engine): Promise<EngineUnderTest> => {
  const agent = newDeviceId()
  onTestFinished(async () => {
    await removeUnowned(docker, agent)
    await removeEverythingOf(agent, docker)
  }, 60_000)
  const untag = async (name: string): Promise<void> => void (await docker.getImage(name).remove())
  return {
    engine,
    unreachable: dockerEngine('unix:///nonexistent/engine.sock'),
    agent,
    image: 'longshore/example:1',
    freePort: await freePort(),
    restartWithinMs: 500,
    exit: (id, exitCode) => execute(docker, id, ['sh', '-c', `echo ${exitCode} > /exit`]),
    pass: (id) => execute(docker, id, ['sh', '-c', ': > /healthy']),
    look: {
      network: async (name) => {
        const { Driver, Internal, EnableIPv6, IPAM } = await docker.getNetwork(name).inspect()
        const subnets = (IPAM?.Config ?? []).map(({ Subnet = '' }) => Subnet)
        return { driver: Driver, isInternal: Internal, hasIpv6: EnableIPv6, subnets }
      },
      volume: async (name) => {
        const { Driver, Options } = await docker.getVolume(name).inspect()
        return { driver: Driver, options: Options ?? {} }
      },
      endpoint: async (id, network) => {
        const { NetworkSettings } = await docker.getContainer(id).inspect()
        const { IPAddress, MacAddress } = NetworkSettings.Networks[network] ?? {}
        return { ipv4Address: IPAddress, macAddress: MacAddress }
      },
    },
    tag: async (name) => {
      const [repo = '', tag = ''] = name.split(':')
      await docker.getImage('longshore/example:1').tag({ repo, tag })
      onTestFinished(() => untag(name).catch(() => undefined))
    },
    untag,
    subnet: newSubnet(),
  }
}

/** Runs a command in a container and waits for its end. */
const execute = async (docker: Docker, id: string, command: string[]): Promise<void> => {
  const exec = await docker.getContainer(id).exec({ Cmd: command, AttachStdout: true, AttachStderr: true })
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

/** One that no other test has: pools of an engine must not overlap. */
const newSubnet = (): string => `10.${200 + Math.floor(Math.random() * 50)}.${Math.floor(Math.random() * 256)}.0/24`

/** What these tests made without the labels of their agent, by the label `test`. */
const removeUnowned = async (docker: Docker, agent: string): Promise<void> => {
  const filters = { label: [`test=${agent}`] }
  for (const { Id } of await docker.listContainers({ all: true, filters }))
    await docker.getContainer(Id).remove({ force: true, v: true })
}
