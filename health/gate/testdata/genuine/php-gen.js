window.tides=[{at:"14:12",m:3.1}];document.title="<html>"+tides[0].at;
