await start(); await kill(); console.log("ok"); process.exit(0);
