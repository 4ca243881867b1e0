from flask import Flask

app = Flask(__name__)


@app.route('/')
def hello():
    return 'Hello, World!'


@app.route('/canary')
def hello_canary():
    return 'Hello, World! (the new one)'


if __name__ == '__main__':
    app.run(host='0.0.0.0', port=8080)
