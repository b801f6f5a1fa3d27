// randomSeed makes Math.random repeat.
import { check, randomSeed } from 'k6';

export const options = { iterations: 2, thresholds: { checks: ['rate==1'] } };

const draw = () => [Math.random(), Math.random(), Math.random()];

export default function () {
  randomSeed(1234);
  const first = draw();
  randomSeed(1234);
  check(first, {
    repeats: (f) => f.join() === draw().join(),
    'in range': (f) => f.every((n) => n >= 0 && n < 1),
    differs: (f) => new Set(f).size === 3,
    'other seed': (f) => { randomSeed(99); return draw().join() !== f.join(); },
  });
}
