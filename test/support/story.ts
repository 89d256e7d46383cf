/** What the end-to-end tests say again and again: deploy this, wait for the end, look at the engine. */
import type { Model } from '../../src/compose/model.ts'
import { assignRemoval, type Deployed, deploy } from '../../src/fleet/deploy.ts'
import type { Fleet } from '../../src/fleet/fleet.ts'
import type { Ending } from '../../src/fleet/outcome.ts'
import { readState } from '../../src/fleet/read-state.ts'
import { waitForEnding } from '../../src/fleet/wait.ts'
import { readPayload } from '../../src/protocol/payload.ts'
import { type Reported, reportedSchema } from '../../src/protocol/reported.ts'
import { docker } from './agents.ts'
import { eventually } from './eventually.ts'
import { packFiles } from './models.ts'

/** `texts` are files beside the Compose file, by path. */
export type SendOptions = {
  readonly texts?: Readonly<Record<string, string>>
  readonly replaceFiles?: boolean
  readonly adopt?: boolean
  readonly now?: true
}

export const send = (
  fleet: Fleet,
  device: string,
  model: Model,
  { texts = {}, ...how }: SendOptions = {},
): Promise<Deployed> =>
  deploy(
    fleet,
    { compose: model, files: packFiles(texts), ...how },
    { device, app: model.name, by: 'test', now: Date.now() },
  )

/** Asks for the end of an app, and waits for it. */
export const removeApp = async (fleet: Fleet, device: string, app: string): Promise<Ending> =>
  endingFor(fleet, await assignRemoval(fleet, {}, { device, app, by: 'test', now: Date.now() }))

export const endingFor = (fleet: Fleet, { deployment, before }: Deployed, timeoutMs = 30_000): Promise<Ending> =>
  waitForEnding(fleet, { deployment, before, timeoutMs, onEvent: () => undefined })

export const deployAndWait = async (
  fleet: Fleet,
  device: string,
  model: Model,
  options?: SendOptions,
): Promise<Ending> => endingFor(fleet, await send(fleet, device, model, options))

export const reportOf = async (fleet: Fleet, device: string, app: string): Promise<Reported | undefined> =>
  readState(fleet.topics, await fleet.read([fleet.topics.reported(device, app)]))
    .get(device)
    ?.apps.get(app)?.reported

/** Waits for a report on an app that satisfies a condition, also one that is soon followed by another; a failure shows the last. */
export const reportThat = async (
  fleet: Fleet,
  device: string,
  app: string,
  what: string,
  isSo: (reported: Reported) => boolean,
  timeoutMs = 20_000,
): Promise<Reported> => {
  let last: Reported | undefined
  let found: Reported | undefined
  const unwatch = await fleet.watch([fleet.topics.reported(device, app)], ({ payload }) => {
    const read = readPayload(reportedSchema, payload, Number.POSITIVE_INFINITY)
    if (!read.ok) return
    last = read.value
    if (isSo(last)) found ??= last
  })
  try {
    return await eventually(
      `${device} to report ${app} ${what}`,
      () => {
        if (found !== undefined) return found
        throw new Error(JSON.stringify(last))
      },
      { timeoutMs },
    )
  } finally {
    await unwatch()
  }
}

export type SeenContainer = { readonly id: string; readonly name: string; readonly state: string }

/** All containers with the labels of an agent, by name. */
export const containersOf = async (device: string, engine = docker()): Promise<SeenContainer[]> =>
  (await engine.listContainers({ all: true, filters: { label: [`io.longshore.agent=${device}`] } }))
    .map(({ Names, State, Id }) => ({ id: Id, name: String(Names[0]).slice(1), state: State }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
