/** A link that is cut: both ends know at once. */
import { proveMatrix } from '../support/connectivity-matrix.ts'

proveMatrix('cut')
