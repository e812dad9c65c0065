export const API = location.hostname === "localhost" ? "http://localhost:8788" : "https://api.tideline.example";
