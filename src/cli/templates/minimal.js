import http from 'k6/http';
import { sleep } from 'k6';

export const options = {
  vus: 10,
  duration: '30s',
};

// What one virtual user does, again and again.
export default function () {
  http.get(__ENV.BASE_URL || 'http://127.0.0.1:8080/');
  sleep(1);
}
