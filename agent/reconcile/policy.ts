/** What this device lets a deployment ask of it: decided by whoever runs the agent, never by the deployment. Pure. */
import type { Model } from '../../src/compose/model.ts'
import type { Reason } from '../../src/protocol/reason.ts'

export type Policy = { readonly allowPrivileged: boolean }

/** undefined: the device allows it all. */
export const policyFault = (model: Model, { allowPrivileged }: Policy): Reason | undefined => {
  if (allowPrivileged) return undefined
  const name = Object.keys(model.services)
    .sort()
    .find((service) => model.services[service]?.privileged === true)
  if (name === undefined) return undefined
  return {
    code: 'policy-refused',
    message: `service ${name} asks for privileged, which this device does not allow`,
    path: `compose.services.${name}.privileged`,
  }
}
