"""The whole system on one machine: embedded servers, the services and the command line."""
