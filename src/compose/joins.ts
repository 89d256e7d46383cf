/**
 * What a service takes part in of another one's container: its network, its processes, its memory, its volumes. An
 * engine knows that container by its id, so whoever joins it is made anew when it is replaced.
 */
import type { Service } from './model.ts'

export type Join = {
  readonly key: 'network_mode' | 'ipc' | 'pid' | 'volumes_from'
  readonly service: string
  /** of `volumes_from` */
  readonly readOnly?: boolean
}

export const joinsOf = (service: Service): Join[] => [
  ...(['network_mode', 'ipc', 'pid'] as const).flatMap((key) => {
    const joined = /^service:(.+)$/.exec(service[key] ?? '')?.[1]
    return joined === undefined ? [] : [{ key, service: joined }]
  }),
  ...(service.volumes_from ?? []).map((text): Join => {
    const [joined = '', mode] = text.split(':')
    return { key: 'volumes_from', service: joined, readOnly: mode === 'ro' }
  }),
]

export type Link = { readonly service: string; readonly alias: string }

/** `SERVICE` or `SERVICE:ALIAS`. */
export const linksOf = (service: Service): Link[] =>
  (service.links ?? []).map((text) => {
    const [linked = '', alias = linked] = text.split(':')
    return { service: linked, alias }
  })
