// TypeScript as k6 users write it: enums, interfaces, generics, imports of types and of another file.
import { check } from 'k6';
import type { Options } from 'k6/options';
import { Shape, area, type Sized } from './shapes.ts';
import settings from './settings.json';

enum Level { Low = 1, High = 'high' }
const enum Flag { On = 1 << 1 }
namespace Names { export const first = 'ann'; }

interface User { name: string; level?: Level }
abstract class Base<T> { constructor(protected readonly value: T) {} abstract show(): string; }
class Shown extends Base<User> { static #made = 0; show(): string { Shown.#made++; return `${this.value.name}:${Shown.#made}`; } }

export const options: Options = { thresholds: { checks: ['rate==1'] } };

export default function (): void {
  const user = <User>{ name: Names.first, level: Level.High };
  const sized: Sized = { w: 2, h: 3 } as const satisfies Sized;
  check(user, {
    enums: (u: User) => u.level === 'high' && Level[1] === 'Low' && Flag.On === 2,
    classes: () => new Shown(user).show() === 'ann:1',
    imports: () => area(sized, Shape.Rectangle) === 6 && area(sized, Shape.Triangle) === 3,
    json: () => settings.limits[1] === 20 && settings.name! === 'config',
  });
}
