/** What the `real` tests stand on: an engine, Mosquitto and an example image. The engine is left running: others use it. */
import type { TestProject } from 'vitest/node'
import { ensureEngine } from '../../src/engine-setup/ensure-engine.ts'
import { makeExampleImage } from '../../src/engine-setup/make-image.ts'
import { ensurePackages } from '../../src/engine-setup/packages.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    socketPath: string
    exampleImageId: string
  }
}

export const setup = async (project: TestProject): Promise<void> => {
  const say = (line: string) => void process.stdout.write(`set-up: ${line}\n`)
  await ensurePackages(
    [
      'mosquitto',
      'nats-server',
      'busybox-static',
      'systemd',
      'openssl',
      'docker-compose',
      'docker-registry',
      'socat',
      'prometheus',
      'python3-jinja2',
    ],
    {
      install: true,
      say,
    },
  )
  const engine = await ensureEngine({ install: true, keep: true, say })
  project.provide('socketPath', engine.socketPath)
  project.provide('exampleImageId', await makeExampleImage(engine.socketPath))
}
