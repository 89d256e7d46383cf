/** The secrets that a model uses, by the names that they have on a device. Pure. */
import type { Model, Service } from './model.ts'

/** What a secret of the model is called on the device. */
export const secretName = (model: Pick<Model, 'secrets'>, key: string): string => model.secrets?.[key]?.name ?? key

/** Of one service, sorted: as files and in the environment. */
export const secretNamesOf = (model: Pick<Model, 'secrets'>, service: Service): string[] => {
  const keys = [
    ...(service.secrets ?? []).map(({ source }) => source),
    ...Object.values(service['x-longshore']?.secretEnv ?? {}),
  ]
  return [...new Set(keys.map((key) => secretName(model, key)))].sort()
}

/** Of all services, sorted. */
export const secretNames = (model: Model): string[] =>
  [...new Set(Object.values(model.services).flatMap((service) => secretNamesOf(model, service)))].sort()
