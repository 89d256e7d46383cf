/** Labels of a device: what they may be called, and what they may say. */

/** As Kubernetes and Docker have them. */
export const labelKeyPattern = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/

export const mostLabelLength = 200

/** undefined: it can be one. */
export const labelFault = (key: string, value: string): string | undefined => {
  if (!labelKeyPattern.test(key))
    return `${JSON.stringify(key)} is no name of a label: letters and digits with . _ / - between them, 63 at most`
  return value.length > mostLabelLength || value === ''
    ? `the value of label ${key} must have 1 to ${mostLabelLength} characters`
    : undefined
}
