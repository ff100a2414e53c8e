// An error in words: the node's own, or ours for what the node could not say.
import type { ApiProblem } from './api';
import { t, tMaybe } from './i18n';

export interface ProblemText {
  title: string;
  detail: string;
  remedy: string;
}

/** Reactive in the language. */
export function problemText(problem: ApiProblem): ProblemText {
  switch (problem.code) {
    case 'network':
      return { title: t('problem.network'), detail: t('problem.network_detail'), remedy: t('problem.network_remedy') };
    case 'timeout':
      return { title: t('problem.timeout'), detail: t('problem.timeout_detail'), remedy: t('problem.timeout_remedy') };
    case 'bad_answer':
      return { title: t('problem.bad_answer'), detail: problem.detail, remedy: t('problem.bad_answer_remedy') };
    default:
      return {
        title: tMaybe(`problem.status_${problem.status}`, problem.title || t('problem.other')),
        detail: problem.detail,
        remedy: problem.remedy,
      };
  }
}
