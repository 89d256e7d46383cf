/**
 * The containers that an app lacks: made beforehand, under their own name or as `<name>.next` beside the one they
 * replace, so that what runs is touched only when all that comes after is there.
 */
import { containerDevices } from '../allot/container-devices.ts'
import type { AppRecord } from '../store/app-record.ts'
import { label, nextName } from '../translate/engine-names.ts'
import { translateAttachment } from '../translate/network-spec.ts'
import { changedKeys } from '../translate/spec-digest.ts'
import { translateService } from '../translate/translate-service.ts'
import { carriedVolumes } from './carried-volumes.ts'
import type { Draft } from './draft.ts'
import { retire } from './retire.ts'
import { type ServiceView, wantedIds } from './service-view.ts'
import type { ServicesInput } from './services-input.ts'
import { isRollback } from './target.ts'

export const planCreates = (draft: Draft, input: ServicesInput): void => {
  const { owner, app, deployment, views, observed } = input
  const { hardware } = observed
  const names = new Set(observed.containers.map(({ name }) => name))
  for (const view of views.values()) {
    const { name, service, wanted } = view
    if (view.isDone) continue
    if (wanted !== undefined) {
      for (const key of view.missingNetworks) {
        const attachment = translateAttachment({ ...input, model: deployment.compose, ...view }, key)
        draft.propose({
          kind: 'connect-network',
          target: wanted.name,
          service: name,
          id: wanted.id,
          attachment,
          cause: `service ${name} is on network ${attachment.network}`,
        })
      }
      continue
    }
    if (view.devices.missing !== undefined) {
      if (!view.isStopped) draft.wait(view.devices.missing)
      continue
    }
    const joined = wantedIds(views, view.joins)
    if (view.joins.some((other) => joined[other] === undefined)) continue
    const isFree = !names.has(view.containerName)
    const target = isFree ? view.containerName : nextName(view.containerName)
    const inTheWay = observed.containers.find((container) => container.name === target)
    if (inTheWay !== undefined) {
      // Half-made, or of a release that was superseded: never reused.
      draft.propose(retire(inTheWay, `it is not what service ${name} needs`))
      continue
    }
    const why = createCause(view, input.record)
    const cause = view.gpus === undefined ? why : `${why}; GPU ${view.gpus.text}`
    draft.propose({
      kind: 'create-container',
      target,
      service: name,
      spec: translateService({
        owner,
        app,
        model: deployment.compose,
        name,
        service,
        number: view.number,
        imageId: view.imageId,
        digest: view.digest,
        generation: deployment.generation,
        release: deployment.release,
        cause,
        files: deployment.files,
        secretVersions: input.release.secretVersions,
        paths: input.paths,
        joined,
        carriedVolumes: carriedVolumes(view, views, input.record),
        gpus: view.gpus,
        devices: hardware && containerDevices({ ...hardware, service, allotments: view.devices.allotments }),
      }),
      cause,
    })
  }
}

const createCause = (view: ServiceView, record: AppRecord): string => {
  const { name } = view
  if (isRollback(record)) return `service ${name} goes back to release ${shortRelease(record.lastGood?.release)}`
  const before = record.lastGood?.compose.services[name]
  if (view.hasLostGpu) return `service ${name} lost its GPU`
  if (view.others.some(({ labels }) => labels[label.digest] === view.digest) && view.devices.allotments.length > 0)
    return `service ${name} is given other devices`
  if (view.others.length === 0)
    return before === undefined ? `service ${name} is new` : `service ${name} has no container`
  if (before === undefined) return `service ${name} changed`
  const keys = changedKeys(before, view.service)
  if (keys.length > 0) return `service ${name} changed: ${keys.join(', ')}`
  if (record.lastGood?.images[before.image] !== view.imageId) return `service ${name} changed: image`
  if (view.joins.length > 0) return `service ${view.joins.join(' or ')}, which ${name} follows, was replaced`
  return `service ${name} is to be made anew`
}

/** As the command line shows it. */
const shortRelease = (release = ''): string => release.replace('sha256:', '').slice(0, 12)
