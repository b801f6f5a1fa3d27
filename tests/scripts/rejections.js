// What an iteration leaves behind when it fails: nothing. A promise rejected with nobody listening fails it.
export const options = { iterations: 4 };

const soon = (what) => setTimeout(() => console.log(`LEFT BEHIND by ${what}`), 20);

export async function setup() {
  const late = Promise.reject(new Error('handled in time'));
  late.catch((e) => console.log(`caught: ${e.message}`));
  await null;
}

export default async function () {
  switch (__ITER) {
    case 0:
      Promise.reject(new Error('nobody listens'));
      return soon('a rejection');
    case 1:
      soon('an exception');
      throw new Error('of the function');
    case 2:
      setTimeout(() => { throw new Error('of a timer'); }, 1);
      soon('a timer');
      return new Promise(() => {});
    default:
      setTimeout(() => Promise.reject('a text'), 1);
      return soon('a late rejection');
  }
}
