// The console's start: look, language, who we are; then the shell.
import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { startLocale } from './lib/i18n';
import { startRouter } from './lib/router';
import { startTheme } from './lib/theme';

startTheme();
startRouter();
await startLocale();
mount(App, { target: document.getElementById('app') as HTMLElement });
