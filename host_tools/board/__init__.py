"""Boards on a serial port, real or simulated: doctor, deploy, provision, monitor."""
