"""MET Norway's Locationforecast API 2.0, after https://api.met.no/weatherapi/locationforecast/2.0/documentation."""
