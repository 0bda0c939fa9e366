"""The EnOS stand-in: MQTT broker, OTA service, HTTP broker and file service on this computer."""
