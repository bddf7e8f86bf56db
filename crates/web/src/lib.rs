//! Project, apps, settings, commands and the HTTP service.
