/** Anonymous volumes that the next container in a place takes over from the one before: data outlives an update. */
import type { Service } from '../../src/compose/model.ts'
import type { AppRecord } from '../store/app-record.ts'
import { type ServiceView, type Views, viewsOf } from './service-view.ts'

/**
 * By where they are mounted. Not those that the release before asked for and this one does not, and not what a container
 * has of another service: that comes along with that one.
 */
export const carriedVolumes = (view: ServiceView, views: Views, { lastGood }: AppRecord): Record<string, string> => {
  const joined = view.joins.flatMap((name) => viewsOf(views, name))
  const foreign = new Set(
    joined
      .flatMap(({ wanted, others }) => [...others, ...(wanted === undefined ? [] : [wanted])])
      .flatMap(({ anonymousVolumes }) => Object.values(anonymousVolumes)),
  )
  const before = anonymousTargets(lastGood?.compose.services[view.name])
  const now = anonymousTargets(view.service)
  const volumes = view.others.flatMap(({ anonymousVolumes }) => Object.entries(anonymousVolumes))
  return Object.fromEntries(
    volumes.filter(([target, volume]) => !foreign.has(volume) && (now.includes(target) || !before.includes(target))),
  )
}

const anonymousTargets = (service: Service | undefined): string[] =>
  (service?.volumes ?? []).flatMap((mount) =>
    mount.type === 'volume' && mount.source === undefined ? [mount.target] : [],
  )
