/** Small models for tests. */
import { sha256Of } from '../../agent/translate/project-mounts.ts'
import type { Model, Service } from '../../src/compose/model.ts'
import type { ReleaseFile } from '../../src/protocol/deployment.ts'

/** Runs until it is told to stop, and then stops at once. */
export const sleeper: Service = {
  image: 'longshore/example:1',
  command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.1; done'],
  deploy: { update_config: { monitor: '500ms' } },
}

export const modelOf = (app: string, services: Record<string, Partial<Service>>, rest: Partial<Model> = {}): Model => ({
  name: app,
  services: Object.fromEntries(Object.entries(services).map(([name, service]) => [name, { ...sleeper, ...service }])),
  ...rest,
})

/** Texts by path as the files of a deployment. */
export const packFiles = (texts: Readonly<Record<string, string>>): Record<string, ReleaseFile> =>
  Object.fromEntries(
    Object.entries(texts).map(([path, text]) => [
      path,
      { sha256: sha256Of(text), mode: '0644', content: Buffer.from(text).toString('base64') },
    ]),
  )
